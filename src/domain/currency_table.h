/* currency_table.h - enum types.Currency as data: code, number, digits behind the point, whether a request
 * may use it.
 *
 * Exponents and the 15 refused currencies are the protocol's, not ISO 4217's: IQD and LYD have 2 digits here
 * though ISO says 3, ISK has 2 though ISO says 0. Callers compute with the same table, so ours must not be
 * the better one.
 */
#ifndef SESSIOND_SRC_DOMAIN_CURRENCY_TABLE_H
#define SESSIOND_SRC_DOMAIN_CURRENCY_TABLE_H

/* clang-format off */
/*  code, number, exponent, accepted; numbers run from 1 without a gap */
#define SES_CURRENCY_TABLE(X) \
    X(AED, 1, 2, true)     X(AFN, 2, 2, false)    X(ALL, 3, 2, true)     X(AMD, 4, 2, true) \
    X(ANG, 5, 2, true)     X(AOA, 6, 2, true)     X(ARS, 7, 2, true)     X(AUD, 8, 2, true) \
    X(AWG, 9, 2, true)     X(AZN, 10, 2, true)    X(BAM, 11, 2, true)    X(BBD, 12, 2, true) \
    X(BDT, 13, 2, true)    X(BGN, 14, 2, true)    X(BHD, 15, 3, true)    X(BIF, 16, 0, true) \
    X(BMD, 17, 2, true)    X(BND, 18, 2, true)    X(BOB, 19, 2, true)    X(BRL, 20, 2, true) \
    X(BSD, 21, 2, true)    X(BTN, 22, 2, false)   X(BWP, 23, 2, true)    X(BYN, 24, 2, true) \
    X(BZD, 25, 2, true)    X(CAD, 26, 2, true)    X(CDF, 27, 2, false)   X(CHF, 28, 2, true) \
    X(CLF, 29, 4, false)   X(CLP, 30, 0, true)    X(CNY, 31, 2, true)    X(COP, 32, 2, true) \
    X(CRC, 33, 2, true)    X(CUC, 34, 2, false)   X(CUP, 35, 2, true)    X(CVE, 36, 2, true) \
    X(CZK, 37, 2, true)    X(DJF, 38, 0, true)    X(DKK, 39, 2, true)    X(DOP, 40, 2, true) \
    X(DZD, 41, 2, true)    X(EGP, 42, 2, true)    X(ERN, 43, 2, false)   X(ETB, 44, 2, true) \
    X(EUR, 45, 2, true)    X(FJD, 46, 2, true)    X(FKP, 47, 2, true)    X(GBP, 48, 2, true) \
    X(GEL, 49, 2, true)    X(GHS, 50, 2, true)    X(GIP, 51, 2, true)    X(GMD, 52, 2, true) \
    X(GNF, 53, 0, true)    X(GTQ, 54, 2, true)    X(GYD, 55, 2, true)    X(HKD, 56, 2, true) \
    X(HNL, 57, 2, true)    X(HRK, 58, 2, true)    X(HTG, 59, 2, true)    X(HUF, 60, 2, true) \
    X(IDR, 61, 2, true)    X(ILS, 62, 2, true)    X(INR, 63, 2, true)    X(IQD, 64, 2, true) \
    X(IRR, 65, 2, false)   X(ISK, 66, 2, false)   X(JMD, 67, 2, true)    X(JOD, 68, 3, true) \
    X(JPY, 69, 0, true)    X(KES, 70, 2, true)    X(KGS, 71, 2, true)    X(KHR, 72, 2, true) \
    X(KMF, 73, 0, true)    X(KPW, 74, 2, false)   X(KRW, 75, 0, true)    X(KWD, 76, 3, true) \
    X(KYD, 77, 2, true)    X(KZT, 78, 2, true)    X(LAK, 79, 2, true)    X(LBP, 80, 2, true) \
    X(LKR, 81, 2, true)    X(LRD, 82, 2, true)    X(LSL, 83, 2, true)    X(LYD, 84, 2, true) \
    X(MAD, 85, 2, true)    X(MDL, 86, 2, true)    X(MGA, 87, 0, true)    X(MKD, 88, 2, true) \
    X(MMK, 89, 2, true)    X(MNT, 90, 2, true)    X(MOP, 91, 2, true)    X(MRU, 92, 2, true) \
    X(MUR, 93, 2, true)    X(MVR, 94, 2, true)    X(MWK, 95, 2, true)    X(MXN, 96, 2, true) \
    X(MYR, 97, 2, true)    X(MZN, 98, 2, true)    X(NAD, 99, 2, true)    X(NGN, 100, 2, true) \
    X(NIO, 101, 2, true)   X(NOK, 102, 2, true)   X(NPR, 103, 2, true)   X(NZD, 104, 2, true) \
    X(OMR, 105, 3, true)   X(PAB, 106, 2, true)   X(PEN, 107, 2, true)   X(PGK, 108, 2, true) \
    X(PHP, 109, 2, true)   X(PKR, 110, 2, true)   X(PLN, 111, 2, true)   X(PYG, 112, 0, true) \
    X(QAR, 113, 2, true)   X(RON, 114, 2, true)   X(RSD, 115, 2, true)   X(RUB, 116, 2, true) \
    X(RWF, 117, 0, true)   X(SAR, 118, 2, true)   X(SBD, 119, 2, true)   X(SCR, 120, 2, true) \
    X(SDG, 121, 2, false)  X(SEK, 122, 2, true)   X(SGD, 123, 2, true)   X(SHP, 124, 2, true) \
    X(SLE, 125, 2, true)   X(SLL, 126, 2, true)   X(SOS, 127, 2, true)   X(SRD, 128, 2, true) \
    X(SSP, 129, 2, true)   X(STD, 130, 2, false)  X(STN, 131, 2, true)   X(SVC, 132, 2, true) \
    X(SYP, 133, 2, false)  X(SZL, 134, 2, true)   X(THB, 135, 2, true)   X(TJS, 136, 2, false) \
    X(TMT, 137, 2, false)  X(TND, 138, 3, true)   X(TOP, 139, 2, true)   X(TRY, 140, 2, true) \
    X(TTD, 141, 2, true)   X(TWD, 142, 2, true)   X(TZS, 143, 2, true)   X(UAH, 144, 2, true) \
    X(UGX, 145, 0, true)   X(USD, 146, 2, true)   X(UYU, 147, 2, true)   X(UZS, 148, 2, true) \
    X(VES, 149, 2, true)   X(VND, 150, 0, true)   X(VUV, 151, 0, true)   X(WST, 152, 2, true) \
    X(XAF, 153, 0, true)   X(XCD, 154, 2, true)   X(XOF, 155, 0, true)   X(XPF, 156, 0, true) \
    X(YER, 157, 2, true)   X(ZAR, 158, 2, true)   X(ZMW, 159, 2, true)   X(ZWL, 160, 2, false)
/* clang-format on */

#endif
